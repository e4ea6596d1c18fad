using IommuKit.Lab.Machines;

namespace IommuKit.Analysis.Explain;

/// <summary>Does maintenance partly as one policy does it and partly as another.</summary>
/// <remarks>
/// Everything is written back before anything is invalidated, so that each mixture is a correct sequence: invalidated entries are fetched
/// again from memory that is up to date. A policy that waits more often does so after as many pieces as it has; where there are fewer pieces
/// there is nothing to wait for more often.
/// </remarks>
internal static class MixedMaintenance
{
    /// <summary>Does the maintenance of one operation.</summary>
    /// <param name="from">As the first policy does it.</param>
    /// <param name="to">As the second policy does it.</param>
    /// <param name="on">What is done as the second policy does it.</param>
    /// <param name="hardware">The hardware.</param>
    public static void Run(MaintenancePlan from, MaintenancePlan to, Causes on, Meter hardware)
    {
        var cleans = (on.HasFlag(Causes.Cleans) ? to : from).Cleans;
        var pieces = (on.HasFlag(Causes.Invalidations) ? to : from).Invalidations;
        var waits = on.HasFlag(Causes.Waits) ? to : from;
        if (cleans.Count == 0)
        {
            // A walker that snoops: the barrier is the fence between stores and what comes after them, with or without an invalidation.
            bool isOneOfBoth = on.HasFlag(Causes.Waits) == on.HasFlag(Causes.Invalidations);
            for (int left = isOneOfBoth ? waits.Barriers : Math.Min(waits.Barriers, Math.Max(1, pieces.Count)); left > 0; left--)
            {
                hardware.Barrier();
            }
        }

        InGroups(cleans.Count, waits.Barriers, piece => hardware.Clean(cleans[piece].Address, cleans[piece].Value), hardware.Barrier);

        // Under a policy that never reads back in an operation of this kind the other's register is as good: all are answered in order.
        uint readBack = (uint)(waits.Reads != 0 ? waits : to).ReadBack.Address;
        InGroups(
            pieces.Count,
            waits.Reads,
            piece =>
            {
                foreach (var write in pieces[piece])
                {
                    if (write.IsWide)
                    {
                        hardware.Write64((uint)write.Address, write.Value);
                    }
                    else
                    {
                        hardware.Write32((uint)write.Address, (uint)write.Value);
                    }
                }
            },
            () => _ = hardware.Read32(readBack));
    }

    /// <summary>Does a number of pieces, with as many waits spread evenly behind them as there are, but no more than one each.</summary>
    private static void InGroups(int pieces, int waits, Action<int> work, Action wait)
    {
        int groups = Math.Min(pieces, waits);
        for (int piece = 0, done = 0; piece < pieces; piece++)
        {
            work(piece);

            // The last group ends with the last piece.
            if (done < groups && (long)(piece + 1) * groups >= (long)(done + 1) * pieces)
            {
                wait();
                done++;
            }
        }
    }
}
