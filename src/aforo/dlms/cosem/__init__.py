"""Objects of the COSEM interface classes (IEC 62056-6-2), one class per file: a table, and what stands behind it.

An object holds no state of its own that must outlive the association: it looks at what the device remembers.
"""
