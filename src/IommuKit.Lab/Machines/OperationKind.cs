namespace IommuKit.Lab.Machines;

/// <summary>
/// The kinds of operation that are counted, and that a cost file may give a cost. Vectors of counts or costs have an element for each, in this order;
/// files and outputs name them in snake_case (<see cref="OperationKinds.NameOf(OperationKind)"/>).
/// </summary>
public enum OperationKind
{
    /// <summary>A call of map that did what it was asked, apart from what follows.</summary>
    MapCall,

    /// <summary>A call of unmap that removed something, apart from what follows.</summary>
    UnmapCall,

    /// <summary>A physical range given to map: an entry of a scatter list.</summary>
    RangeMapped,

    /// <summary>A page-table entry stored.</summary>
    EntryStored,

    /// <summary>
    /// A run of neighbouring entries stored in one go: the call into the driver, the walk down from the root, the locks. A policy that works page by
    /// page has one for each page.
    /// </summary>
    RunStored,

    /// <summary>A line of the CPU's cache written back.</summary>
    LineCleaned,

    /// <summary>A barrier after cleans, or after stores alone where nothing has to be cleaned: a fence then.</summary>
    Barrier,

    /// <summary>A register written, of 32 or 64 bits; not the tail of a queue, which is a <see cref="Doorbell"/>.</summary>
    RegisterWrite,

    /// <summary>A register read, of 32 or 64 bits, with the wait for posted writes.</summary>
    RegisterRead,

    /// <summary>A page table allocated and zeroed.</summary>
    TableAllocated,

    /// <summary>A page table given back.</summary>
    TableFreed,

    /// <summary>A command written to a queue in memory.</summary>
    Command,

    /// <summary>A register written that hands commands over to the hardware.</summary>
    Doorbell,

    /// <summary>A request to somebody else who keeps the mappings: a hypervisor, a host's kernel.</summary>
    Request,

    /// <summary>
    /// A piece in which lines were written back: one call that cleans a range. Its lines count by themselves (<see cref="OperationKinds.IsTally"/>).
    /// </summary>
    CleanCall,

    /// <summary>
    /// A wait until the hardware is in step. The accesses that it is made of count by themselves (<see cref="OperationKinds.IsTally"/>).
    /// </summary>
    Wait,
}
