using IommuKit.Checker.Shadow;

namespace IommuKit.Checker.Scenarios;

/// <summary>Longer scenarios, made by chance.</summary>
internal static class RandomScenario
{
    private const int OwnRange = 4;

    // How many accesses into an operation it may be interrupted; most have fewer.
    private const int LastAccess = 24;

    /// <summary>Makes one.</summary>
    /// <param name="alphabet">What can be done.</param>
    /// <param name="layout">Where ranges may start and end.</param>
    /// <param name="length">How many operations.</param>
    /// <param name="random">The chance.</param>
    public static CheckOperation[] Create(IReadOnlyList<CheckOperation> alphabet, ICheckedRanges layout, int length, Random random)
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

    /// <summary>Chooses which operation the next one interrupts; every second scenario has none.</summary>
    public static Preemption? Interrupt(IReadOnlyList<CheckOperation> operations, Random random)
    {
        ArgumentNullException.ThrowIfNull(operations);
        ArgumentNullException.ThrowIfNull(random);
        int index = random.Next(operations.Count - 1);
        return random.Next(2) == 0 && Interleavings.AreIndependent(operations[index], operations[index + 1])
            ? new Preemption(index, random.Next(LastAccess))
            : null;
    }

    /// <summary>Leaves out of a failing scenario what is not needed for it to fail.</summary>
    public static (CheckCase Case, Violation Violation) Shrink(CheckCase failing, Violation violation)
    {
        ArgumentNullException.ThrowIfNull(failing);
        var operations = failing.Operations.ToList();
        for (int i = operations.Count - 1; i >= 0; i--)
        {
            if (failing.Preemption is { } kept && (i == kept.Index || i == kept.Index + 1))
            {
                // These two belong together.
                continue;
            }

            var fewer = operations.ToList();
            fewer.RemoveAt(i);
            var interruption = failing.Preemption is { } moved && i < moved.Index ? moved with { Index = moved.Index - 1 } : failing.Preemption;
            var smaller = failing with { Operations = fewer, Preemption = interruption };
            if (smaller.Run().Violation is { } still)
            {
                (operations, failing, violation) = (fewer, smaller, still);
            }
        }

        return (failing, violation);
    }
}
