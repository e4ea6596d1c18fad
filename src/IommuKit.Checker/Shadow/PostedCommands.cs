using IommuKit.Specs.PageTables;

namespace IommuKit.Checker.Shadow;

/// <summary>
/// Register writes under way. They take effect in order, each at any time until somebody waits for them; so there is a state for
/// each number of them that may have done so.
/// </summary>
/// <remarks>
/// While memory does not change it does not matter when exactly they do, apart from none and all: only then the states between are made.
/// </remarks>
/// <typeparam name="TFormat">The format of the tables.</typeparam>
internal sealed class PostedCommands<TFormat>
    where TFormat : struct, IPageTableFormat
{
    private readonly ShadowHardware<TFormat> _hardware;
    private readonly List<ShadowCommand> _commands = [];
    private readonly List<ShadowState> _states = [];
    private readonly Stack<ShadowState> _spare = [];
    private bool _hasAllStates;

    public PostedCommands(ShadowHardware<TFormat> hardware)
    {
        _hardware = hardware;
        _states.Add(hardware.FirstState());
    }

    /// <summary>How many writes are under way.</summary>
    public int Count => _commands.Count;

    /// <summary>The state when all writes have taken effect.</summary>
    public ShadowState Last => _states[^1];

    /// <summary>States that hardware may be in: always that with none and that with all of the writes.</summary>
    public List<ShadowState> States => _states;

    /// <summary>A write is under way.</summary>
    public void Post(in ShadowCommand command)
    {
        if (command.Kind == ShadowCommandKind.None || !_hardware.IsConcerned(command))
        {
            return;
        }

        if (_commands.Count == 0 || _hasAllStates)
        {
            var next = _spare.Count != 0 ? _spare.Pop() : _hardware.NewState();
            next.CopyFrom(Last);
            _states.Add(next);
        }

        _commands.Add(command);
        _hardware.Apply(Last, command);
        _hardware.Fetch(Last);
    }

    /// <summary>Memory says something else from now on, whichever writes have taken effect.</summary>
    public void Store(in ShadowCommand command)
    {
        BeforeMemoryChanges();
        foreach (var state in _states)
        {
            _hardware.Apply(state, command);
        }

        AfterMemoryChanged();
    }

    /// <summary>All writes have taken effect.</summary>
    public void Complete()
    {
        for (int i = 0; i < _states.Count - 1; i++)
        {
            _spare.Push(_states[i]);
        }

        _states.RemoveRange(0, _states.Count - 1);
        _commands.Clear();
        _hasAllStates = false;
    }

    /// <summary>Memory is about to change: from here on it matters which writes took effect before.</summary>
    public void BeforeMemoryChanges()
    {
        if (_commands.Count == 0 || _hasAllStates)
        {
            return;
        }

        _hasAllStates = true;
        for (int i = 1; i < _commands.Count; i++)
        {
            _states.Insert(i, After(_states[i - 1], _commands[i - 1]));
        }
    }

    /// <summary>Memory has changed: fetches bring other values, and each write may also take effect only now.</summary>
    public void AfterMemoryChanged()
    {
        _hardware.Fetch(_states[0]);
        for (int i = 1; i < _states.Count; i++)
        {
            var late = After(_states[i - 1], _commands[i - 1]);
            _states[i].UniteWith(late);
            _hardware.Fetch(_states[i]);
            _spare.Push(late);
        }
    }

    private ShadowState After(ShadowState before, in ShadowCommand command)
    {
        var state = _spare.Count != 0 ? _spare.Pop() : _hardware.NewState();
        state.CopyFrom(before);
        _hardware.Apply(state, command);
        _hardware.Fetch(state);
        return state;
    }
}
