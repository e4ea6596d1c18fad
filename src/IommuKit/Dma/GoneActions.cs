namespace IommuKit.Dma;

/// <summary>What to call when no device can use something any more, by a number that an unmap takes along. Thread-safe.</summary>
internal sealed class GoneActions
{
    private readonly Lock _gate = new();
    private readonly List<Action?> _actions = [null];
    private readonly Stack<int> _unused = [];

    /// <summary>Keeps one.</summary>
    /// <returns>Its number, from 1 on. Those that were taken are given again, so that nothing is allocated once as many waited before.</returns>
    public int Add(Action gone)
    {
        lock (_gate)
        {
            if (_unused.TryPop(out int number))
            {
                _actions[number] = gone;
                return number;
            }

            _actions.Add(gone);
            return _actions.Count - 1;
        }
    }

    /// <summary>Takes one out; a number is good for once.</summary>
    public Action Take(int number)
    {
        lock (_gate)
        {
            var gone = _actions[number]!;
            _actions[number] = null;
            _unused.Push(number);
            return gone;
        }
    }
}
