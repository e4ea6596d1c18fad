using System.Numerics;
using System.Runtime.CompilerServices;

namespace IommuKit.Sync;

/// <summary>
/// What threads add to, in as many parts as there are processors, up to 8. A thread adds to the first one until another thread is in its way; then it
/// looks for one of its own, and remembers it. So threads that never meet use one, and nothing depends on which thread it was.
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
        return stripe.Gate.TryEnter() ? stripe : EnterAnother(slot, stripe);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private TStripe EnterAnother(OperationGate.Slot? slot, TStripe busy)
    {
        // The others come first: the one that was busy is free in a moment, and busy again.
        int first = Array.IndexOf(_stripes, busy) + 1;
        for (int i = 0; slot is not null && i < _stripes.Length; i++)
        {
            int index = (first + i) & (_stripes.Length - 1);
            if (_stripes[index].Gate.TryEnter())
            {
                slot.Stripes = this;
                slot.Stripe = index;
                return _stripes[index];
            }
        }

        busy.Gate.Enter();
        return busy;
    }
}
