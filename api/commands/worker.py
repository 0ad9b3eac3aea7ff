"""`recon worker`: one more worker, on this machine or another."""
