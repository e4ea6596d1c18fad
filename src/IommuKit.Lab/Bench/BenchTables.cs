namespace IommuKit.Lab.Bench;

/// <summary>Whether page tables are there before an operation.</summary>
public enum BenchTables
{
    /// <summary>They are, and they stay.</summary>
    Existing,

    /// <summary>A map makes them, and an unmap gives them back.</summary>
    Fresh,
}
