"""What continuous integration reads: JUnit XML and GitHub annotations."""
