using IommuKit.Domains;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;
using IommuKit.Traces;

namespace IommuKit.Analysis.Explain;

/// <summary>The same work on another machine, with what operations cost there.</summary>
/// <param name="Kind">The machine.</param>
/// <param name="Costs">What operations cost on it.</param>
/// <param name="Snoops">Whether its walker snoops the CPU's caches, so that nothing has to be cleaned.</param>
/// <param name="Gain">The gain there, split; without intervals, as nobody knows how well such costs are known.</param>
public sealed record OnOtherMachine(IommuKind Kind, CostVector Costs, bool Snoops, Attribution Gain)
{
    /// <summary>
    /// Does the work under the same two policies on machines that take commands from a queue: the first of each family whose walker snoops, and the first
    /// whose does not, unless its costs say nothing of cleaning.
    /// </summary>
    /// <param name="kinds">The machines that there are.</param>
    /// <param name="from">The policy that is compared with.</param>
    /// <param name="to">The policy whose gain is split.</param>
    /// <param name="work">A map or unmap of a size.</param>
    public static IReadOnlyList<OnOtherMachine> Of(IEnumerable<IommuKind> kinds, SyncPolicy from, SyncPolicy to, Workload work)
    {
        ArgumentNullException.ThrowIfNull(kinds);
        ArgumentNullException.ThrowIfNull(work);
        var told =
            from kind in kinds
            where kind.HasQueue
            let costs = CostFile.Of(kind)
            let isCoherent = IsCoherent(kind)
            where isCoherent || costs.Components[OperationKind.LineCleaned].Us != 0
            group (kind, costs, isCoherent) by (kind.RecordedOn, isCoherent) into same
            select same.First();
        return [.. told.Select(one => On(one.kind, one.costs, one.isCoherent, from, to, work)).OfType<OnOtherMachine>()];
    }

    private static bool IsCoherent(IommuKind kind)
    {
        using var machine = kind.Create(new MachineSettings { HasModel = false });
        return machine.Driver.Traits.Paging is not { Flush.HasCoherentWalk: false };
    }

    private static OnOtherMachine? On(IommuKind kind, CostVector costs, bool isCoherent, SyncPolicy from, SyncPolicy to, Workload work)
    {
        try
        {
            var same = SizeWorkloads.Run(kind, from, to, work.Size).First(other => other.Operation == work.Operation);
            return new OnOtherMachine(kind, costs, isCoherent, new Attribution(same, costs.Components.ToVector(), []));
        }
        catch (InputException)
        {
            // It has no room for the size: then it has no answer.
            return null;
        }
    }
}
