namespace IommuKit.Checker.Scenarios;

/// <summary>Where scenarios map and unmap, and which pages are looked at while they do.</summary>
public interface ICheckedRanges
{
    /// <summary>Bytes in a page.</summary>
    ulong PageBytes { get; }

    /// <summary>The pages that are looked at, in ascending order.</summary>
    IReadOnlyList<ulong> Pages { get; }

    /// <summary>Ranges that are mapped.</summary>
    IReadOnlyList<(ulong Iova, ulong Size)> Maps { get; }

    /// <summary>Ranges that are unmapped.</summary>
    IReadOnlyList<(ulong Iova, ulong Size)> Unmaps { get; }
}
