namespace IommuKit.Lab.Machines;

/// <summary>What a driver does to the hardware, one access at a time.</summary>
public enum MaintenanceKind
{
    /// <summary>Lines of the CPU's cache are written back.</summary>
    Clean,

    /// <summary>Stores and cleans are ordered.</summary>
    Barrier,

    /// <summary>A register is written.</summary>
    RegisterWrite,

    /// <summary>A register is read.</summary>
    RegisterRead,

    /// <summary>A word in memory is read that hardware stores to tell that it is done.</summary>
    StatusRead,

    /// <summary>A walker in software is told to forget a range, and has done so when the call returns.</summary>
    Invalidate,
}
