using IommuKit.Models.State;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Smmu3;

/// <summary>
/// The invalidations that hardware with the erratum of Tegra264 did not do: each has to be issued again, behind a CMD_SYNC. What is public says that
/// "CFGI or TLBI and SYNC" are to be issued twice, and not which of the two has the effect; here it is never the first, the worst that there can be.
/// </summary>
internal sealed class Smmu3TwiceIssued
{
    // As many as a driver may hand over with one CMD_SYNC. What has no room is forgotten, and takes two more.
    private const int Most = 1 << 17;

    private readonly HashSet<Smmu3Command> _beforeSync = [];
    private readonly HashSet<Smmu3Command> _sinceSync = [];

    /// <summary>An invalidation is issued.</summary>
    /// <returns>Whether it has an effect.</returns>
    public bool Issue(in Smmu3Command command)
    {
        if (_beforeSync.Remove(command))
        {
            return true;
        }

        if (_beforeSync.Count + _sinceSync.Count < Most)
        {
            _sinceSync.Add(command);
        }

        return false;
    }

    /// <summary>A CMD_SYNC is issued.</summary>
    public void Sync()
    {
        _beforeSync.UnionWith(_sinceSync);
        _sinceSync.Clear();
    }

    /// <summary>Forgets all.</summary>
    public void Clear()
    {
        _beforeSync.Clear();
        _sinceSync.Clear();
    }

    /// <summary>Saves or restores it.</summary>
    public void Transfer(ref StateTransfer state)
    {
        Transfer(ref state, _beforeSync, Most);
        Transfer(ref state, _sinceSync, Most - _beforeSync.Count);
    }

    private static void Transfer(ref StateTransfer state, HashSet<Smmu3Command> commands, int most)
    {
        int count = commands.Count;
        state.Value(ref count);
        StateTransfer.Check((uint)count <= (uint)most, "more invalidations were issued once than are remembered");
        Smmu3Command[] all = state.IsRestoring ? new Smmu3Command[count] : [.. commands];
        commands.Clear();
        foreach (var command in all)
        {
            var (lower, upper) = (command.Lower, command.Upper);
            state.Value(ref lower);
            state.Value(ref upper);
            commands.Add(new Smmu3Command(lower, upper));
        }
    }
}
