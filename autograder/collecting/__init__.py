"""What students hand in: read out of folders, zips and downloads, and put where it is graded."""
