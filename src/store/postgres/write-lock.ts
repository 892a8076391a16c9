/** The advisory lock of all writes, of all nodes. Locks belong to a database: several servers of one database share it, which does no harm. */
export const WRITE_LOCK = 7_235_419_001;
