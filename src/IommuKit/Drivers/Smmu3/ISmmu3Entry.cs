namespace IommuKit.Drivers.Smmu3;

/// <summary>An entry in memory that hardware reads.</summary>
internal interface ISmmu3Entry
{
    /// <summary>Reads a quadword.</summary>
    ulong Load(int word);

    /// <summary>Stores a quadword at once.</summary>
    void Store(int word, ulong value);

    /// <summary>Makes the stores visible, has hardware drop what it remembers of the entry, and waits for that.</summary>
    void Invalidate();
}
