"""The verifier of Signet's trust format (docs/trust.md, levels 0 to 2): SHA-256, Ed25519 and strict JSON, nothing else.

It reads as the format says: ``envelope`` and ``objects`` are the forms, ``state`` is what a runtime holds, ``update`` has the steps
0 to 5, and ``stored`` checks what is found on a disk. Nothing here does I/O; the source of an update does.
"""
