using IommuKit.Traces.Faults;

namespace IommuKit.Cli.Output;

/// <summary>A map or unmap of a fault's page, as JSON has it.</summary>
internal sealed class FaultMappingRecord(MappingRecord mapping)
{
    private const double NanosecondsInMicrosecond = 1000;

    public long Line => mapping.Line;

    public double? TimeUs => mapping.Nanoseconds < 0 ? null : mapping.Nanoseconds / NanosecondsInMicrosecond;

    public string Iova => Names.Hex(mapping.Iova);

    public ulong Bytes => mapping.Bytes;

    public string? Task => mapping.Task;

    public bool InInterrupt => mapping.IsInInterrupt;

    public static FaultMappingRecord? Of(MappingRecord? mapping) => mapping is null ? null : new FaultMappingRecord(mapping);
}
