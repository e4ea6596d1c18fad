namespace IommuKit.PageTables;

/// <summary>A list of tables, linked through their <see cref="PageAllocator"/>. The default value is empty.</summary>
internal struct TableList
{
    /// <summary>Number of the first page plus 1; 0 if there is none.</summary>
    public uint Head;

    /// <summary>Log2 of the size of each table.</summary>
    public int SizeLog2;

    /// <summary>Tables on the list.</summary>
    public int Count;

    /// <summary>Whether nothing is on the list.</summary>
    public readonly bool IsEmpty => Head == 0;
}
