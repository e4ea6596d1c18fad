using IommuKit.Lab.Machines;

namespace IommuKit.Analysis.Explain;

/// <summary>Writes down what a driver does to the hardware, and can keep it from getting there.</summary>
internal sealed class StepRecorder
{
    private readonly List<MaintenanceStep> _steps = [];
    private readonly bool _holdsBack;
    private bool _isOn;

    /// <summary>Listens to nothing yet.</summary>
    /// <param name="holdsBack">Whether the steps are to be left out.</param>
    public StepRecorder(bool holdsBack) => _holdsBack = holdsBack;

    /// <summary>Listens to a machine.</summary>
    public void Listen(Machine machine) => machine.Filter = Take;

    /// <summary>Starts to record.</summary>
    public void Start()
    {
        _steps.Clear();
        _isOn = true;
    }

    /// <summary>Ends the recording, and returns what was recorded.</summary>
    public MaintenancePlan Stop()
    {
        _isOn = false;
        return new MaintenancePlan(_steps);
    }

    private bool Take(MaintenanceStep step)
    {
        if (_isOn)
        {
            _steps.Add(step);
        }

        return _isOn && _holdsBack;
    }
}
