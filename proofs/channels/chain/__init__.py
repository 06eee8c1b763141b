"""An audit table as a stream of blocks: one consistent snapshot, constant memory, whatever the table's size."""
