namespace IommuKit.Cli.HostTime;

/// <summary>What samples of an operation say.</summary>
/// <param name="Median">Median, in nanoseconds for one operation.</param>
/// <param name="P10">The sample that one in ten does not exceed.</param>
/// <param name="P90">The sample that nine in ten do not exceed.</param>
/// <param name="BytesAllocated">Managed memory that one operation allocated, on average over all samples.</param>
/// <param name="Fill">Median of the store limit, in nanoseconds for one entry, measured between the samples.</param>
internal readonly record struct Timing(double Median, double P10, double P90, double BytesAllocated, double Fill)
{
    /// <summary>Sums samples up.</summary>
    /// <param name="nanoseconds">For one operation each; sorted here.</param>
    /// <param name="bytesAllocated">By one operation.</param>
    /// <param name="fills">The store limit, in nanoseconds for one entry; sorted here.</param>
    public static Timing Of(double[] nanoseconds, double bytesAllocated, double[] fills)
    {
        Array.Sort(fills);
        Array.Sort(nanoseconds);
        return new Timing(
            nanoseconds[nanoseconds.Length / 2],
            nanoseconds[nanoseconds.Length / 10],
            nanoseconds[nanoseconds.Length * 9 / 10],
            bytesAllocated,
            fills[fills.Length / 2]);
    }
}
