namespace IommuKit.Drivers.Vtd;

/// <summary>A guest's first-stage page tables, which are those of x86-64 processors.</summary>
/// <param name="Root">Where the root is in the guest's memory: an IOVA of the domain under it, a multiple of 4096.</param>
/// <param name="Levels">4, or 5 where the unit has CAP.FL5LP.</param>
/// <param name="EnablesNoExecute">Whether bit 63 of entries forbids execution; else it is reserved.</param>
public readonly record struct VtdGuestTables(ulong Root, int Levels = 4, bool EnablesNoExecute = false);
