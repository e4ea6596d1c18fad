using System.Numerics;
using System.Runtime.InteropServices;

namespace IommuKit.Lab.Machines;

/// <summary>Counts commands by their kind and by the block of pages that they name. One thread at a time.</summary>
/// <param name="kinds">The kinds that there are.</param>
public sealed class CommandTally(IReadOnlyList<CommandKind> kinds)
{
    // The powers of two, and none.
    private const int Blocks = None + 1;
    private const int None = 64;

    private readonly long[] _blocks = new long[kinds.Count * Blocks];

    // Ranges of which the number of pages is no power of two. There are at most as many as commands can name.
    private readonly Dictionary<(int Kind, ulong Pages), long> _others = [];

    /// <summary>Counts commands.</summary>
    /// <param name="kind">The place of their kind.</param>
    /// <param name="pages">How many pages each names; 0 if none.</param>
    /// <param name="count">How many they are.</param>
    public void Count(int kind, ulong pages, int count = 1)
    {
        if ((pages & (pages - 1)) == 0)
        {
            // Nothing has 64 zeros, and the last place.
            _blocks[(kind * Blocks) + BitOperations.TrailingZeroCount(pages)] += count;
        }
        else
        {
            CollectionsMarshal.GetValueRefOrAddDefault(_others, (kind, pages), out _) += count;
        }
    }

    /// <summary>Forgets what was counted.</summary>
    public void Clear()
    {
        Array.Clear(_blocks);
        _others.Clear();
    }

    /// <summary>What was counted, by the name of the kind and then by pages.</summary>
    public IReadOnlyList<CommandCount> Read() => CommandCount.Sum(
    [
        .. _blocks
            .Select((count, place) => (count, kind: place / Blocks, block: place % Blocks))
            .Where(one => one.count != 0)
            .Select(one => Of(one.kind, one.block == None ? null : 1ul << one.block, one.count)),
        .. _others.Select(one => Of(one.Key.Kind, one.Key.Pages, one.Value)),
    ]);

    private CommandCount Of(int kind, ulong? pages, long count) =>
        new(kinds[kind].Name, pages, count) { IsWait = kinds[kind].Purpose == OperationPurpose.Completion };
}
