using IommuKit.Specs.Memory;

namespace IommuKit.Lab.Inspect;

/// <summary>Collects what is seen in a state.</summary>
/// <param name="memory">Memory.</param>
internal sealed class InspectBuilder(IMemoryAccessor memory)
{
    /// <summary>The most devices and PASIDs that are looked at: tables can be larger than anybody's patience.</summary>
    public const int MostSources = 1 << 16;

    private readonly List<InspectSource> _sources = [];
    private readonly List<InspectFinding> _findings = [];
    private readonly List<InspectRange> _structures = [];

    /// <summary>The page tables.</summary>
    public InspectTables Tables { get; } = new(memory);

    /// <summary>What is configured.</summary>
    public IReadOnlyList<InspectSource> Sources => _sources;

    /// <summary>What rules say.</summary>
    public IReadOnlyList<InspectFinding> Findings => _findings;

    /// <summary>What steers the IOMMU, beside page tables.</summary>
    public IReadOnlyList<InspectRange> Structures => _structures;

    /// <summary>Entries that let nothing pass.</summary>
    public long Blocked { get; set; }

    /// <summary>Whether there are more devices and PASIDs than were looked at.</summary>
    public bool IsFull => _sources.Count >= MostSources;

    /// <summary>Adds a device or PASID.</summary>
    public void Add(InspectSource source) => _sources.Add(source);

    /// <summary>Adds memory that steers the IOMMU.</summary>
    public void AddStructure(ulong address, ulong bytes, string what) => _structures.Add(new InspectRange(address, address + (bytes - 1), what));

    /// <summary>A rule is broken, if something is not so.</summary>
    public void Require(bool isRight, InspectRule rule, string what)
    {
        if (!isRight)
        {
            _findings.Add(new InspectFinding(rule, IsWrong: true, what));
        }
    }

    /// <summary>Something may be meant so.</summary>
    public void Note(InspectRule rule, string what) => _findings.Add(new InspectFinding(rule, IsWrong: false, what));
}
