"""Head-end and concentrator (interface I4): orders handed over and results fetched through one COSEM class."""
