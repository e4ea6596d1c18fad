using IommuKit.Lab.Formats;

namespace IommuKit.Lab.Dump;

/// <summary>What page table to build.</summary>
internal sealed record DumpOptions
{
    /// <summary>The format.</summary>
    public required FormatKind Format { get; init; }

    /// <summary>Bits of an IOVA; null for the format's usual width.</summary>
    public int? InputBits { get; init; }

    /// <summary>Bits of a physical address; null for the format's usual width.</summary>
    public int? OutputBits { get; init; }

    /// <summary>The page sizes to use, one bit for each; 0 means all of the format's.</summary>
    public ulong PageSizes { get; init; }

    /// <summary>A trace whose events are done first, or null.</summary>
    public string? Trace { get; init; }

    /// <summary>Whether the trace ends where most is mapped. It is read twice then.</summary>
    public bool IsPeak { get; init; }

    /// <summary>Whether to go on where the trace is cut off or damaged.</summary>
    public bool IsLenient { get; init; }

    /// <summary>An IOVA that is looked up when everything is mapped, entry by entry; or null.</summary>
    public ulong? Walk { get; init; }

    /// <summary>What is mapped then.</summary>
    public IReadOnlyList<DumpMap> Maps { get; init; } = [];
}
