namespace IommuKit.Checker.Scenarios;

/// <summary>What is done to a domain.</summary>
public enum CheckOperationKind
{
    /// <summary>A range is mapped.</summary>
    Map,

    /// <summary>A range is unmapped.</summary>
    Unmap,

    /// <summary>The domain is flushed, or a range of it.</summary>
    Flush,

    /// <summary>Its device is attached.</summary>
    Attach,

    /// <summary>Its device is detached.</summary>
    Detach,

    /// <summary>A range is mapped to a scatter list.</summary>
    Scatter,

    /// <summary>The domain, of which no device is attached, is disposed of after a new one was made to take its place.</summary>
    Renew,
}
