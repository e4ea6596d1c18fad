using IommuKit.Models.Dma;

namespace IommuKit.Tests.Support;

/// <summary>
/// A cache of translations outside of a model, as an emulator has one: it keeps what it was answered, and drops what it is told to drop, and
/// nothing else. Thread-safe.
/// </summary>
internal sealed class KeptTranslations
{
    private const int NoSubstream = -1;

    private readonly Lock _gate = new();
    private readonly List<(uint Stream, Translation Range)> _kept = [];
    private readonly IInvalidationSource _source;
    private long _notices;

    public KeptTranslations(IInvalidationSource source)
    {
        _source = source;
        source.Invalidated += Drop;
    }

    /// <summary>Notices that it does not hear: for tests of tests.</summary>
    public Func<InvalidationNotice, bool>? IsDeafTo { get; init; }

    public int Hits { get; private set; }

    /// <summary>Translates by what is kept, or asks, and keeps the answer.</summary>
    /// <param name="stream">Whose translation.</param>
    /// <param name="iova">The address.</param>
    /// <param name="ask">Asks the model.</param>
    public Translation Translate(uint stream, ulong iova, Func<Translation> ask)
    {
        long before;
        lock (_gate)
        {
            int found = _kept.FindIndex(one => one.Stream == stream && one.Range.Contains(iova));
            if (found >= 0)
            {
                Hits++;
                return _kept[found].Range;
            }

            before = _notices;
        }

        var answer = ask();
        lock (_gate)
        {
            // What was invalidated meanwhile may be in the answer.
            if (answer.IsAllowed && before == _notices)
            {
                _kept.Add((stream, answer));
            }
        }

        return answer;
    }

    public (uint Stream, Translation Range)[] All()
    {
        lock (_gate)
        {
            return [.. _kept];
        }
    }

    private void Drop(InvalidationNotice notice)
    {
        if (IsDeafTo?.Invoke(notice) == true)
        {
            return;
        }

        lock (_gate)
        {
            _notices++;
            _kept.RemoveAll(one => notice.Concerns(one.Stream, NoSubstream, one.Range));
        }
    }
}
