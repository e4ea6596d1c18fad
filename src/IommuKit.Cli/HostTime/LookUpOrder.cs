namespace IommuKit.Cli.HostTime;

/// <summary>Which IOVA is looked up next.</summary>
internal enum LookUpOrder
{
    /// <summary>The next page.</summary>
    Sequential,

    /// <summary>Any, independent of what was found.</summary>
    Random,

    /// <summary>Any, computed from what was found.</summary>
    Dependent,
}
