namespace IommuKit.Lab.Seed;

/// <summary>A row of the proposal's table.</summary>
public sealed record SeedRow
{
    /// <summary>What was measured.</summary>
    public required MappingOperation Operation { get; init; }

    /// <summary>The size as the proposal writes it.</summary>
    public required string SizeLabel { get; init; }

    /// <summary>The size; "~18M" stands for 17 to 19 MiB and is taken as 18 MiB.</summary>
    public required ulong SizeBytes { get; init; }

    /// <summary>With a flush for every page.</summary>
    public required double BeforeMicroseconds { get; init; }

    /// <summary>With one flush for the range.</summary>
    public required double AfterMicroseconds { get; init; }

    /// <summary>Number of the sample.</summary>
    public required int Sample { get; init; }
}
