using IommuKit.Specs.Memory;

namespace IommuKit.Lab.Inspect;

/// <summary>Collects what is seen in a state.</summary>
/// <param name="memory">Memory.</param>
internal sealed class InspectBuilder(IMemoryAccessor memory)
{
    /// <summary>The most devices and PASIDs that are looked at: tables can be larger than anybody's patience.</summary>
    public const int MostSources = 1 << 16;

    /// <summary>The most entries of their tables: those of many devices can be the same, and have a million entries without anything in them.</summary>
    public const int MostEntries = 1 << 22;

    // Memory comes, and is left out, in pages.
    private const ulong PageBytes = 1ul << 12;

    private readonly List<InspectSource> _sources = [];
    private readonly List<InspectFinding> _findings = [];
    private readonly List<InspectRange> _structures = [];
    private int _entries;

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

    /// <summary>Whether there may be more devices and PASIDs than were looked at.</summary>
    public bool IsFull => _sources.Count >= MostSources || _entries >= MostEntries;

    /// <summary>Takes one more entry of a table of devices or PASIDs to be looked at. False if that is enough.</summary>
    public bool TryTakeEntry()
    {
        if (IsFull)
        {
            return false;
        }

        _entries++;
        return true;
    }

    /// <summary>Adds a device or PASID.</summary>
    public void Add(InspectSource source) => _sources.Add(source);

    /// <summary>Adds memory that steers the IOMMU.</summary>
    public void AddStructure(ulong address, ulong bytes, string what) => _structures.Add(new InspectRange(address, address + (bytes - 1), what));

    /// <summary>Adds a queue or table that hardware reads or writes as a whole, and looks whether there is memory everywhere in it.</summary>
    public void AddWhole(ulong address, ulong bytes, string what)
    {
        AddStructure(address, bytes, what);
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        for (ulong at = 0; at < bytes; at = (at | (PageBytes - 1)) + 1)
        {
            if (!memory.TryRead(address + at, word))
            {
                Require(false, InspectRule.Tables, $"there is no memory at 0x{address + at:x}, where {what} is");
                return;
            }
        }
    }

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
