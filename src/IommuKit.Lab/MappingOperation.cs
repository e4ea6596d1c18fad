namespace IommuKit.Lab;

/// <summary>What is done to a range, and measured.</summary>
public enum MappingOperation
{
    /// <summary>It is mapped.</summary>
    Map,

    /// <summary>It is unmapped.</summary>
    Unmap,
}
