using System.Numerics;
using System.Runtime.InteropServices;

namespace IommuKit.Lab.Machines;

/// <summary>Counts commands by their kind and by the block of pages that they name. One thread at a time.</summary>
/// <param name="kinds">The kinds that there are.</param>
public sealed class CommandTally(IReadOnlyList<CommandKind> kinds)
{
    // None, and the powers of two.
    private const int Blocks = 1 + 64;

    private readonly long[] _blocks = new long[kinds.Count * Blocks];

    // Ranges of which the number of pages is no power of two. There are at most as many as commands can name.
    private readonly Dictionary<(int Kind, ulong Pages), long> _others = [];

    /// <summary>Counts a command.</summary>
    /// <param name="kind">The place of its kind.</param>
    /// <param name="pages">How many pages it names; 0 if none.</param>
    public void Count(int kind, ulong pages)
    {
        if (pages == 0 || BitOperations.IsPow2(pages))
        {
            _blocks[(kind * Blocks) + (pages == 0 ? 0 : 1 + BitOperations.TrailingZeroCount(pages))]++;
        }
        else
        {
            CollectionsMarshal.GetValueRefOrAddDefault(_others, (kind, pages), out _)++;
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
            .Select(one => Of(one.kind, one.block == 0 ? null : 1ul << (one.block - 1), one.count)),
        .. _others.Select(one => Of(one.Key.Kind, one.Key.Pages, one.Value)),
    ]);

    private CommandCount Of(int kind, ulong? pages, long count) =>
        new(kinds[kind].Name, pages, count) { IsWait = kinds[kind].Purpose == OperationPurpose.Completion };
}
