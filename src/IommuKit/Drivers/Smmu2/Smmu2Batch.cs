namespace IommuKit.Drivers.Smmu2;

/// <summary>Which syncs the invalidations of an operation need: the register writes themselves are made at once.</summary>
internal struct Smmu2Batch
{
    /// <summary>The bank that invalidations went through, plus one; 0 if none did.</summary>
    public int BankPlusOne;

    /// <summary>Whether any went through the global space.</summary>
    public bool IsGlobal;
}
