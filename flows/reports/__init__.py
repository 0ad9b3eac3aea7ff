"""Reports of two-way runs: as a page, as CSV, as a mail, as history."""
