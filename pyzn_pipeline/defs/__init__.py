"""What the definitions of several topics share: partitions, resources, the source table, the form of metadata."""
