using IommuKit.Lab.Faults;

namespace IommuKit.Cli.Output;

/// <summary>Faults in a sentence.</summary>
internal static class FaultText
{
    /// <summary>What happened, and what the trace says of why, on a line or two.</summary>
    public static string Short(ExplainedFault explained)
    {
        var fault = explained.Fault;
        string device = fault.Device is { } name ? $"device {name}" : "a device that the message does not name";
        string direction = fault.Direction switch
        {
            FaultDirection.Read => "read of ",
            FaultDirection.Write => "write to ",
            _ => "access to ",
        };
        string where = fault.Iova is { } iova ? direction + Names.Hex(iova) : "fault";
        string times = explained.Messages > 1 ? $", {Numbers.Count(explained.Messages)} times" : string.Empty;
        return $"{device}: {where}{times}: {Cause(explained)}{Place(explained)}";
    }

    private static string Cause(ExplainedFault explained) => explained.Cause switch
    {
        FaultCause.UsedAfterUnmap => $"used after unmap{Since(explained.SinceUnmap)}{By(explained.LastUnmap)}",
        FaultCause.PastTheEnd => explained.Below is { } below ? $"past the end of a mapping of {Numbers.Count((long)below.Bytes, "byte")}{By(below)}" : "past the end of a mapping",
        FaultCause.NoPermission => $"mapped at the time{By(explained.LastMap)}: the direction or the permission is wrong",
        FaultCause.NeverMapped => "never mapped in this trace",
        FaultCause.DeviceRefused => "the device as a whole is not let through",
        _ => explained.Doubts is [var doubt, ..] ? $"why cannot be told: {doubt}" : "why cannot be told",
    };

    private static string Since(long? nanoseconds) => nanoseconds is { } time ? $" {Durations.Of(time)} before" : string.Empty;

    private static string By(MappingRecord? record) => record switch
    {
        null => string.Empty,
        { Task: { } task, IsInInterrupt: false } => $" by {task} (line {record.Line})",
        _ => $" (line {record.Line})",
    };

    private static string Place(ExplainedFault explained) => explained switch
    {
        { LogLine: { } log } => $" (log line {log})",
        { TraceLine: { } trace } => $" (line {trace})",
        _ => string.Empty,
    };
}
