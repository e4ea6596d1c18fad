namespace IommuKit.Lab.Costs;

/// <summary>The operations that cost time.</summary>
public sealed record CostComponents
{
    /// <summary>What a file that does not name a component that it need not name says of it.</summary>
    internal static CostComponent NotInTheFile { get; } =
        new(0, "assumed", "Not in the file; what it costs is contained in what else happens for each page.");

    /// <summary>A call of map, apart from what follows.</summary>
    public required CostComponent MapCall { get; init; }

    /// <summary>A call of unmap, apart from what follows.</summary>
    public required CostComponent UnmapCall { get; init; }

    /// <summary>A physical range given to map.</summary>
    public required CostComponent RangeMapped { get; init; }

    /// <summary>A page-table entry stored.</summary>
    public required CostComponent EntryStored { get; init; }

    /// <summary>
    /// A run of neighbouring entries stored in one go: the call into the driver, the walk down from the root, the locks. A policy that works page by
    /// page has one for each page. Not in a file: 0, because files from before it was counted have it in what else happens once for each page.
    /// </summary>
    public CostComponent RunStored { get; init; } = NotInTheFile;

    /// <summary>A line of the CPU's cache written back.</summary>
    public required CostComponent LineCleaned { get; init; }

    /// <summary>A barrier after cleans.</summary>
    public required CostComponent Barrier { get; init; }

    /// <summary>A register written.</summary>
    public required CostComponent RegisterWrite { get; init; }

    /// <summary>A register read, with the wait for posted writes.</summary>
    public required CostComponent RegisterRead { get; init; }

    /// <summary>A page table allocated and zeroed.</summary>
    public required CostComponent TableAllocated { get; init; }

    /// <summary>A page table given back.</summary>
    public required CostComponent TableFreed { get; init; }

    /// <summary>Makes components from what is known of each.</summary>
    /// <param name="find">Gives the component of a term.</param>
    public static CostComponents From(Func<CostTerm, CostComponent> find)
    {
        ArgumentNullException.ThrowIfNull(find);
        return new CostComponents
        {
            MapCall = find(CostTerm.MapCall),
            UnmapCall = find(CostTerm.UnmapCall),
            RangeMapped = find(CostTerm.RangeMapped),
            EntryStored = find(CostTerm.EntryStored),
            RunStored = find(CostTerm.RunStored),
            LineCleaned = find(CostTerm.LineCleaned),
            Barrier = find(CostTerm.Barrier),
            RegisterWrite = find(CostTerm.RegisterWrite),
            RegisterRead = find(CostTerm.RegisterRead),
            TableAllocated = find(CostTerm.TableAllocated),
            TableFreed = find(CostTerm.TableFreed),
        };
    }

    /// <summary>The component of a term.</summary>
    public CostComponent Of(CostTerm term) => term switch
    {
        CostTerm.MapCall => MapCall,
        CostTerm.UnmapCall => UnmapCall,
        CostTerm.RangeMapped => RangeMapped,
        CostTerm.EntryStored => EntryStored,
        CostTerm.RunStored => RunStored,
        CostTerm.LineCleaned => LineCleaned,
        CostTerm.Barrier => Barrier,
        CostTerm.RegisterWrite => RegisterWrite,
        CostTerm.RegisterRead => RegisterRead,
        CostTerm.TableAllocated => TableAllocated,
        CostTerm.TableFreed => TableFreed,
        _ => throw new ArgumentOutOfRangeException(nameof(term)),
    };
}
