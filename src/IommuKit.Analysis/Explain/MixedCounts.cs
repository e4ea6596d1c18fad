using IommuKit.Lab.Machines;

namespace IommuKit.Analysis.Explain;

/// <summary>
/// What maintenance takes that is done partly as one policy does it and partly as another, where it goes through a queue: by the counts of both alone, as
/// commands that were taken out of a queue cannot be put into another.
/// </summary>
/// <remarks>
/// It counts as <see cref="MixedMaintenance"/> does: a policy that waits more often does so after as many pieces as there are. A piece of invalidation
/// is a command, and one submission has one wait.
/// </remarks>
internal static class MixedCounts
{
    private static readonly OperationPurpose[] OfPieces = [OperationPurpose.None, OperationPurpose.TableCache, OperationPurpose.Tlb, OperationPurpose.Other];
    private static readonly OperationPurpose[] OfRegisters = [OperationPurpose.Completion, .. OfPieces];
    private static readonly OperationKind[] Registers = [OperationKind.RegisterWrite, OperationKind.RegisterRead];

    /// <summary>Counts a mixture.</summary>
    /// <param name="from">What happened under the first policy.</param>
    /// <param name="to">What happened under the second policy.</param>
    /// <param name="on">What is done as the second policy does it.</param>
    public static OperationCounts Of(in OperationCounts from, in OperationCounts to, Causes on)
    {
        var cleans = on.HasFlag(Causes.Cleans) ? to : from;
        var pieces = on.HasFlag(Causes.Invalidations) ? to : from;
        var waits = on.HasFlag(Causes.Waits) ? to : from;
        var hardware = default(OperationCounts);
        hardware.Add(OperationKind.LineCleaned, cleans[OperationKind.LineCleaned]);
        hardware.Add(OperationKind.CleanCall, cleans[OperationKind.CleanCall]);
        foreach (var purpose in OfPieces)
        {
            hardware.Add(OperationKind.Command, purpose, pieces[OperationKind.Command, purpose]);
        }

        long commands = hardware[OperationKind.Command];
        bool isOneOfBoth = on.HasFlag(Causes.Waits) == on.HasFlag(Causes.Invalidations);
        long submissions = isOneOfBoth ? waits[OperationKind.Doorbell] : Math.Min(waits[OperationKind.Doorbell], commands);
        hardware.Add(OperationKind.Doorbell, submissions);
        hardware.Add(
            OperationKind.Command,
            OperationPurpose.Completion,
            Part(waits[OperationKind.Command, OperationPurpose.Completion], submissions, waits[OperationKind.Doorbell]));
        hardware.Add(OperationKind.Wait, Part(waits[OperationKind.Wait], submissions, waits[OperationKind.Doorbell]));

        // A barrier stands behind what was stored; registers are of buffers that are flushed with it. Where no line is cleaned it is a fence, of the
        // wait alone.
        bool isFence = from[OperationKind.LineCleaned] + to[OperationKind.LineCleaned] == 0;
        long most = isFence || on.HasFlag(Causes.Waits) == on.HasFlag(Causes.Cleans) ? long.MaxValue
            : Math.Max(cleans[OperationKind.CleanCall], cleans[OperationKind.Barrier]);
        long barriers = Math.Min(waits[OperationKind.Barrier], most);
        hardware.Add(OperationKind.Barrier, barriers);
        foreach (var purpose in OfRegisters)
        {
            foreach (var kind in Registers)
            {
                hardware.Add(kind, purpose, Part(waits[kind, purpose], barriers, waits[OperationKind.Barrier]));
            }
        }

        return (on.HasFlag(Causes.Software) ? to : from).WithHardwareOf(hardware);
    }

    private static long Part(long count, long part, long whole) => part == whole ? count : count * part / whole;
}
