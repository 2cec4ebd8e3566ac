"""One module for each word after `aforo`."""
