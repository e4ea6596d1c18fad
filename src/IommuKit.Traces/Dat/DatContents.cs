namespace IommuKit.Traces.Dat;

/// <summary>What the header of a trace.dat says.</summary>
internal sealed class DatContents
{
    /// <summary>The byte order.</summary>
    public required DatNumbers Numbers { get; init; }

    /// <summary>The name of the compression; "none" if there is none.</summary>
    public string Compression { get; set; } = "none";

    /// <summary>The layout of a page; null until it is found.</summary>
    public PageLayout? Page { get; set; }

    /// <summary>Whether formats of events were found, of the IOMMU or of others.</summary>
    public bool HasFormats { get; set; }

    /// <summary>The formats of the IOMMU's events.</summary>
    public List<EventFormat> Formats { get; } = [];

    /// <summary>The names of tasks.</summary>
    public SavedTasks Tasks { get; } = new();

    /// <summary>The pages of each processor. With several instances of ftrace, processors occur several times.</summary>
    public List<CpuData> Cpus { get; } = [];

    /// <summary>Places of processors' pages that the header gave, empty ones among them.</summary>
    public int Places { get; set; }

    /// <summary>Bytes of all sections that were taken into memory, one after the other.</summary>
    public long SectionBytes { get; set; }

    /// <summary>The clock of the times; empty if the file does not say.</summary>
    public string Clock { get; set; } = "";

    /// <summary>The kernel, as uname names it; empty if the file does not say.</summary>
    public string System { get; set; } = "";

    /// <summary>How the time-stamp counter is converted to nanoseconds; null if the file does not say.</summary>
    public TscConversion? Tsc { get; set; }
}
