using IommuKit.Domains;

namespace IommuKit.Checker.Scenarios;

/// <summary>Every scenario of up to a few operations on two domains.</summary>
internal static class SmallScope
{
    /// <summary>What can be done, to one domain or the other.</summary>
    public static IReadOnlyList<CheckOperation> Alphabet(CheckConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var layout = configuration.Ranges;
        var operations = new List<CheckOperation>();
        for (int domain = 0; domain < 2; domain++)
        {
            operations.AddRange(layout.Maps.Select(range => new CheckOperation(CheckOperationKind.Map, domain, range.Iova, range.Size)));
            operations.AddRange(layout.Unmaps.Select(range => new CheckOperation(CheckOperationKind.Unmap, domain, range.Iova, range.Size)));
            if (configuration.Policy is SyncPolicy.Deferred or SyncPolicy.Explicit)
            {
                operations.Add(new CheckOperation(CheckOperationKind.Flush, domain));
            }

            if (configuration.Target.CanAttach)
            {
                operations.Add(new CheckOperation(CheckOperationKind.Detach, domain));
                operations.Add(new CheckOperation(CheckOperationKind.Attach, domain));
            }
        }

        return operations;
    }

    /// <summary>What can be done at all: scatter lists, flushes of a range and new domains too, which are too many for all their sequences.</summary>
    public static IReadOnlyList<CheckOperation> Everything(CheckConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var alphabet = Alphabet(configuration);
        return
        [
            .. alphabet,
            .. alphabet.Where(operation => operation.Kind == CheckOperationKind.Map)
                .Select(operation => operation with { Kind = CheckOperationKind.Scatter }),
            .. alphabet
                .Where(operation => operation.Kind == CheckOperationKind.Map && configuration.Policy is SyncPolicy.Deferred or SyncPolicy.Explicit)
                .Select(operation => operation with { Kind = CheckOperationKind.Flush }),
            .. alphabet.Where(operation => operation.Kind == CheckOperationKind.Attach)
                .Select(operation => operation with { Kind = CheckOperationKind.Renew }),
        ];
    }

    /// <summary>
    /// Every sequence of just so many operations. The domains are alike, so the first is always on the same one; and it is a map or a detach.
    /// </summary>
    public static IEnumerable<CheckOperation[]> Sequences(IReadOnlyList<CheckOperation> alphabet, int depth)
    {
        ArgumentNullException.ThrowIfNull(alphabet);
        var sequence = new CheckOperation[depth];
        return From(0);

        IEnumerable<CheckOperation[]> From(int position)
        {
            if (position == depth)
            {
                yield return sequence;
                yield break;
            }

            foreach (var operation in alphabet)
            {
                if (position == 0 && (operation.Domain != 0 || operation.Kind is not (CheckOperationKind.Map or CheckOperationKind.Detach)))
                {
                    continue;
                }

                // A buffer of its own for each map, so that an old translation never looks like the new one.
                sequence[position] = operation with { Buffer = position % CheckOperation.Buffers };
                foreach (var complete in From(position + 1))
                {
                    yield return complete;
                }
            }
        }
    }
}
