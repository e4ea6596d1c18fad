using IommuKit.Checker.Rigs;
using IommuKit.Checker.Shadow;
using IommuKit.Lab.Machines;
using IommuKit.Specs.PageTables;

namespace IommuKit.Checker.Scenarios;

/// <summary>An IOMMU that can be checked: everything that the checker asks about it.</summary>
/// <param name="Name">The name by which users select it.</param>
/// <param name="Description">What it is, and what its hardware may do.</param>
/// <param name="Traits">What its hardware may do on its own, as its architecture says; no driver is asked.</param>
/// <param name="Layout">Which ranges scenarios use.</param>
/// <param name="Ends">Which they use at the ends of the address space.</param>
/// <param name="Create">Builds one.</param>
public sealed record CheckTarget(
    string Name, string Description, ShadowTraits Traits, RangeLayout Layout, EndsLayout Ends, Func<CheckSettings, CheckRig> Create)
{
    /// <summary>Whether devices can be attached and detached; where not, they always are attached.</summary>
    public bool CanAttach { get; init; }

    /// <summary>Whether it is checked unless somebody asks for others.</summary>
    public bool IsDefault { get; init; }

    /// <summary>Whether it is checked at the ends of the address space unless somebody asks for others.</summary>
    public bool IsDefaultAtEnds { get; init; }

    /// <summary>Bugs that only a driver of this IOMMU can have, beside the general ones. Their names are not those of general ones.</summary>
    public IReadOnlyList<PlantedBug> Bugs { get; init; } = [];

    /// <summary>
    /// Names of general bugs that change nothing here, because the driver does more than its hardware asks for; a planted bug that is not found would
    /// put the checker in doubt.
    /// </summary>
    public IReadOnlyList<string> HarmlessBugs { get; init; } = [];

    /// <summary>Whether its driver invalidates by commands in a queue: then its <see cref="Bugs"/> have those of such commands.</summary>
    public bool HasQueue { get; init; }

    /// <summary>Page sizes of its domains; 0 for the smallest only.</summary>
    public ulong PageSizes { get; init; }

    /// <summary>From how many pages on a domain drops everything; 0 means never.</summary>
    public int FlushAllPages { get; init; }

    /// <summary>How many runs of entries a domain under Explicit remembers; 0 for as many as it does by itself.</summary>
    public int ExplicitCapacity { get; init; }

    /// <summary>Register writes that one invalidation of a line of the table cache takes.</summary>
    public int WritesPerTableCacheLine { get; init; } = 1;

    /// <summary>Register writes that a wait takes beside its read: one where a sync has to be started.</summary>
    public int WritesPerWait { get; init; }

    /// <summary>
    /// Whether stores wait in a buffer of the chipset until it is flushed by a command in a register, a write and a read of its state, or by an
    /// invalidation.
    /// </summary>
    public bool HasWriteBuffer { get; init; }

    /// <summary>What is tuned about the driver.</summary>
    public TuningValues Tuning { get; init; } = TuningValues.None;

    /// <summary>Bytes of memory for page tables: enough for the tables of all ranges in both domains, and few to look at.</summary>
    public ulong PoolBytes { get; init; } = 64 << 10;

    /// <summary>The same where the ends of the address space are looked at, which have tables of all levels to themselves.</summary>
    public ulong PoolBytesAtEnds { get; init; } = 64 << 10;

    /// <summary>Finds the least maintenance; null if that cannot be found.</summary>
    internal Func<MappingShape, LeastWork>? Least { get; private init; }

    /// <summary>Whether walkers see the CPU's stores at once.</summary>
    public bool HasCoherentWalk => Traits.HasCoherentWalk;

    /// <summary>Whether what is not present may be remembered.</summary>
    public bool CachesInvalidEntries => Traits.CachesInvalidEntries;

    /// <summary>Whether there is a cache of table memory.</summary>
    public bool HasTableCache => Traits.TableCacheLine != 0;

    /// <summary>Whether pointers to tables are remembered by IOVA.</summary>
    public bool HasWalkCache => Traits.HasWalkCache;

    /// <summary>
    /// The least that a map or an unmap needs on this hardware, whatever the driver: accesses of registers, or commands with one more that waits and
    /// one doorbell for all; null if that is not known. It is not where devices have TLBs: what they are told depends on which of them are there.
    /// </summary>
    public OperationCounts? LeastFor(in MappingShape shape)
    {
        if (Traits.HasDeviceTlbs || Least?.Invoke(shape) is not { } least)
        {
            return null;
        }

        var counts = default(OperationCounts);
        counts.Add(OperationKind.LineCleaned, least.Cleans);
        long drops = least.TableCacheDrops + least.TranslationDrops;
        if (HasQueue && drops != 0)
        {
            counts.Add(OperationKind.Command, drops + least.Waits);
            counts.Add(OperationKind.Doorbell, 1);
        }
        else if (!HasQueue)
        {
            counts.Add(
                OperationKind.RegisterWrite,
                (least.TableCacheDrops * WritesPerTableCacheLine) + least.TranslationDrops + (least.Waits * WritesPerWait));
            counts.Add(OperationKind.RegisterRead, least.Waits);
        }

        // An invalidation flushes the buffer by itself.
        if (HasWriteBuffer && drops == 0 && least.Barriers != 0)
        {
            counts.Add(OperationKind.RegisterWrite, 1);
            counts.Add(OperationKind.RegisterRead, 1);
        }

        return counts;
    }

    /// <summary>
    /// The same with what no driver does by itself: pages of two sizes, and a flush of everything where many pages change; with few runs to remember,
    /// so that a short scenario owes more.
    /// </summary>
    /// <param name="pageBytes">The smaller page size.</param>
    /// <param name="tableSpan">The larger one: what a table of the smaller ones translates.</param>
    public CheckTarget Tuned(ulong pageBytes, ulong tableSpan) => this with
    {
        Name = $"{Name}-tuned",
        Description = $"{Description}; with large pages, and thresholds above which wider flushes replace several",
        Layout = new RangeLayout(pageBytes, tableSpan, mapsTable: true),
        IsDefaultAtEnds = false,
        PageSizes = pageBytes | tableSpan,
        FlushAllPages = (int)(tableSpan / pageBytes),
        ExplicitCapacity = 2,
    };

    /// <summary>A kind of machine that can be checked.</summary>
    /// <typeparam name="TFormat">The format of its page tables.</typeparam>
    /// <param name="description">What its hardware may do, in one line.</param>
    /// <param name="plan">How machines are built and what they may do. What they keep in memory is in their pool of page tables.</param>
    /// <param name="inputBits">Bits of an IOVA.</param>
    public static CheckTarget Of<TFormat>(string description, MachinePlan plan, int inputBits)
        where TFormat : struct, IPageTableFormat
    {
        ArgumentNullException.ThrowIfNull(plan);
        ulong page = TrackedPages<TFormat>.PageBytes;
        return new CheckTarget(
            plan.Kind.Name,
            description,
            plan.Traits,
            new RangeLayout(page, 1ul << TFormat.EntryShift(1)),
            new EndsLayout(page, inputBits, TFormat.SignExtendsInput),
            settings => new MachineRig<TFormat>(plan, settings))
        {
            CanAttach = true,
            HasQueue = plan.Kind.HasQueue,
            Least = shape => MappingBound<TFormat>.Find(plan.Traits, inputBits, shape),
            PoolBytes = TrackedPages<TFormat>.PoolBytesFor(tables: 16, inputBits),
            PoolBytesAtEnds = TrackedPages<TFormat>.PoolBytesFor(tables: TrackedPages<TFormat>.TablesAtEnds, inputBits),
        };
    }
}
