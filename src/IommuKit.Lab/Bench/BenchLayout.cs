namespace IommuKit.Lab.Bench;

/// <summary>How the physical pages of a scatter list lie.</summary>
public enum BenchLayout
{
    /// <summary>Every 4 KiB entry somewhere else, as in the proposal.</summary>
    Scattered,

    /// <summary>One after the other.</summary>
    Contiguous,
}
