namespace IommuKit.Lab.Machines;

/// <summary>The least number of operations that would have sufficed.</summary>
/// <param name="RegisterWrites">Register writes.</param>
/// <param name="RegisterReads">Register reads.</param>
/// <param name="LinesCleaned">Cache lines written back.</param>
public readonly record struct LeastMaintenance(long RegisterWrites, long RegisterReads, long LinesCleaned)
{
    /// <summary>All of them.</summary>
    public long Total => RegisterWrites + RegisterReads + LinesCleaned;

    /// <summary>Writes + reads + lines.</summary>
    public override string ToString() => FormattableString.Invariant($"{RegisterWrites}+{RegisterReads}+{LinesCleaned}");
}
