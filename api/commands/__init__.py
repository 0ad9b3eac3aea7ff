"""Commands of `recon`: each parses, calls one thing, prints, and answers with an exit code."""
