namespace IommuKit.Lab.Checker.Scenarios;

/// <summary>Longer scenarios, made by chance.</summary>
public static class RandomScenario
{
    private const int OwnRange = 4;

    /// <summary>Makes one.</summary>
    /// <param name="alphabet">What can be done.</param>
    /// <param name="layout">Where ranges may start and end.</param>
    /// <param name="length">How many operations.</param>
    /// <param name="random">The chance.</param>
    public static CheckOperation[] Create(IReadOnlyList<CheckOperation> alphabet, RangeLayout layout, int length, Random random)
    {
        ArgumentNullException.ThrowIfNull(alphabet);
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentNullException.ThrowIfNull(random);
        var operations = new CheckOperation[length];
        for (int i = 0; i < length; i++)
        {
            var operation = alphabet[random.Next(alphabet.Count)] with { Buffer = random.Next(CheckOperation.Buffers) };
            if (operation.Size != 0 && random.Next(OwnRange) == 0)
            {
                // From one page that is looked at to another.
                ulong one = layout.Pages[random.Next(layout.Pages.Count)];
                ulong other = layout.Pages[random.Next(layout.Pages.Count)];
                ulong first = Math.Min(one, other);
                operation = operation with { Iova = first, Size = Math.Max(one, other) - first + layout.PageBytes };
            }

            operations[i] = operation;
        }

        return operations;
    }

    /// <summary>Leaves out of a failing scenario what is not needed for it to fail.</summary>
    public static (CheckCase Case, Violation Violation) Shrink(CheckCase failing, Violation violation)
    {
        ArgumentNullException.ThrowIfNull(failing);
        if (failing.Preemption is not null)
        {
            // All shorter ones were run before.
            return (failing, violation);
        }

        var operations = failing.Operations.ToList();
        for (int i = operations.Count - 1; i >= 0; i--)
        {
            var fewer = operations.ToList();
            fewer.RemoveAt(i);
            var smaller = failing with { Operations = fewer };
            if (smaller.Run().Violation is { } still)
            {
                (operations, failing, violation) = (fewer, smaller, still);
            }
        }

        return (failing, violation);
    }
}
