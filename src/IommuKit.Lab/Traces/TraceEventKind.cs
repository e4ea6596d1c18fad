namespace IommuKit.Lab.Traces;

/// <summary>What a line of a trace says.</summary>
public enum TraceEventKind
{
    /// <summary>An IOVA range was mapped.</summary>
    Map,

    /// <summary>An IOVA range was unmapped.</summary>
    Unmap,

    /// <summary>Some other event.</summary>
    Other,

    /// <summary>Events are missing here.</summary>
    Lost,

    /// <summary>A line that is no event, for example of a stack trace.</summary>
    Unknown,

    /// <summary>A damaged line; read on only because the caller asked for it.</summary>
    Damaged,
}
