"""The trade-off of a comparison, a sweep or a fit as a figure of a paper: PDF, SVG and PNG by matplotlib, and pgfplots."""
