namespace IommuKit.Specs.PageTables;

/// <summary>One step of a walk: the entry that translates an IOVA in one table, and what it says.</summary>
/// <param name="End">What the step ends at.</param>
/// <param name="Table">The table.</param>
/// <param name="EntryAddress">Where the entry is.</param>
/// <param name="Value">The entry; 0 if it could not be read.</param>
/// <param name="Next">The next table, if the step ends at a pointer.</param>
/// <param name="PhysicalAddress">What the IOVA translates to, if the step ends at a page.</param>
/// <param name="SizeLog2">Log2 of the bytes around the IOVA that go on in memory, if the step ends at a page.</param>
/// <param name="Rights">The rights of the whole way, if the step ends at a page. They may be none.</param>
public readonly record struct WalkStep(
    WalkEnd End,
    WalkTable Table,
    ulong EntryAddress,
    ulong Value,
    WalkTable Next = default,
    ulong PhysicalAddress = 0,
    int SizeLog2 = 0,
    Protection Rights = Protection.None);
