"""The business of the head-end: orders, meters, limits, reasons. It knows no standard and touches nothing outside."""
