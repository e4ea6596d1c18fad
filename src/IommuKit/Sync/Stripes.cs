using System.Numerics;
using System.Runtime.CompilerServices;

namespace IommuKit.Sync;

/// <summary>
/// What threads add to, in as many parts as there are processors, up to 8. A thread adds to the first one until it takes turns with another thread
/// there; then it looks for one of its own, and remembers it. So threads that are never at work at the same time use one, and nothing
/// depends on which thread it was.
/// </summary>
internal sealed class Stripes<TStripe>
    where TStripe : Stripe
{
    private const int Most = 8;

    private readonly TStripe[] _stripes = new TStripe[Math.Min(Most, (int)BitOperations.RoundUpToPowerOf2((uint)Environment.ProcessorCount))];

    /// <summary>Makes all parts.</summary>
    /// <param name="make">Makes one.</param>
    public Stripes(Func<TStripe> make)
    {
        for (int i = 0; i < _stripes.Length; i++)
        {
            _stripes[i] = make();
        }
    }

    /// <summary>All parts, in the order in which their locks are taken where several are.</summary>
    public ReadOnlySpan<TStripe> All => _stripes;

    /// <summary>Enters the lock of the part that the calling thread adds to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TStripe Enter()
    {
        var slot = OperationGate.Current;
        var stripe = _stripes[slot is not null && slot.Stripes == this ? slot.Stripe : 0];

        // It may be taken by one who flushes, for a moment: that is no reason to get into the way of another thread.
        stripe.Enter();
        if (slot is null || !stripe.IsContested())
        {
            return stripe;
        }

        stripe.Exit();
        return EnterAnother(slot, stripe);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private TStripe EnterAnother(OperationGate.Slot slot, TStripe busy)
    {
        // The others come first: the one that two threads use is free in a moment, and taken again.
        int first = Array.IndexOf(_stripes, busy) + 1;
        for (int i = 0; i < _stripes.Length; i++)
        {
            int index = (first + i) & (_stripes.Length - 1);
            if (_stripes[index].TryEnter())
            {
                slot.Stripes = this;
                slot.Stripe = index;
                return _stripes[index];
            }
        }

        busy.Enter();
        return busy;
    }
}
